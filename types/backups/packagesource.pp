# @summary What pip installs: a requirement, a URL or the path of a wheel; never an option
type Quickstack::Backups::Packagesource = Pattern[/\A[A-Za-z0-9\/.][^[:cntrl:]]*\z/]
