# @summary An absolute path to back up: anything below `/` but a name with `.`, `..`, `//`, a control character or a blank at its end
type Quickstack::Backups::Path = Pattern[/\A(?:\/(?!\.{1,2}(?:\/|\z))[^\/[:cntrl:]]+)+\/?(?<![[:space:]])\z/]
