# @summary A mail address, or a local user: one, and nothing beside it
type Quickstack::Backups::Mailaddress = Pattern[/\A[A-Za-z0-9][A-Za-z0-9._+-]*(?:@[A-Za-z0-9][A-Za-z0-9.-]*)?\z/]
