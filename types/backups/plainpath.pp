# @summary An absolute path that means the same in every file it is written to: no blanks, quotes, wildcards or `..`
type Quickstack::Backups::Plainpath = Pattern[/\A(?:\/(?!\.{1,2}(?:\/|\z))[A-Za-z0-9._+-]+)+\z/]
