# @summary One more long option for rsync, such as `--bwlimit=20m`
type Quickstack::Backups::Rsyncarg = Pattern[/\A--[a-z][a-z0-9-]*(?:=(?:[^[:cntrl:]]*[^[:cntrl:][:space:]])?)?\z/]
