# @summary The URL of a webhook: `https://`, or `http://` on this host itself; its path may be a secret
type Quickstack::Backups::Webhookurl = Pattern[
  /\Ahttps:\/\/(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[\/?][!#-\[\]-~]*)?\z/,
  /\Ahttp:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?(?:[\/?][!#-\[\]-~]*)?\z/,
]
