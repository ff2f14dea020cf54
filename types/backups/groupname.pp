# @summary The name of a group of the system
type Quickstack::Backups::Groupname = Pattern[/\A[a-z_][a-z0-9_-]{0,31}\z/]
