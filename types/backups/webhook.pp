# @summary The URL of a webhook, as it is or `Sensitive`
type Quickstack::Backups::Webhook = Variant[Quickstack::Backups::Webhookurl, Sensitive[Quickstack::Backups::Webhookurl]]
