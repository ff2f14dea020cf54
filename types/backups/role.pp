# @summary The name of a role: of a file `/etc/kaizen/roles/<role>.conf`
type Quickstack::Backups::Role = Pattern[/\A[a-z][a-z0-9_-]{0,31}\z/]
