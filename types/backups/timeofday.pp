# @summary A time of day of 24 hours: `06:00`
type Quickstack::Backups::Timeofday = Pattern[/\A(?:[01][0-9]|2[0-3]):[0-5][0-9]\z/]
