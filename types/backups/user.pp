# @summary The name of the unprivileged user that a collector logs in as; never root
type Quickstack::Backups::User = Pattern[/\A(?!root\z)[a-z_][a-z0-9_-]{0,30}\z/]
