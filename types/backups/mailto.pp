# @summary Whom cron mails: an address or a local user, or several with commas between them
type Quickstack::Backups::Mailto = Pattern[/\A[A-Za-z0-9][A-Za-z0-9._+-]*(?:@[A-Za-z0-9][A-Za-z0-9.-]*)?(?:,[A-Za-z0-9][A-Za-z0-9._+-]*(?:@[A-Za-z0-9][A-Za-z0-9.-]*)?)*\z/]
