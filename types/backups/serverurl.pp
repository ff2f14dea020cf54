# @summary The URL of a server: `https://`, a name or an address, perhaps a port; no path and no password
type Quickstack::Backups::Serverurl = Pattern[/\Ahttps:\/\/(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\/?\z/]
