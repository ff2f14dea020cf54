# @summary What to leave out: an rsync pattern, or an absolute path; no filter rule (`+ x`, `- x`, `!`) and no control character
type Quickstack::Backups::Exclude = Pattern[/\A(?!!\z|[+-] )[^[:cntrl:][:space:]](?:[^[:cntrl:]]*[^[:cntrl:][:space:]])?\z/]
