# @summary Whom dumps are encrypted for: a public key that age takes, its own (`age1...`) or SSH's of the types ed25519 and RSA
type Quickstack::Backups::Recipient = Variant[
  Pattern[/\Aage1[02-9ac-hj-np-z]{58}\z/],
  Pattern[/\Assh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+\/]{43}(?: [^[:cntrl:]]+)?\z/],
  Pattern[/\Assh-rsa AAAAB3NzaC1yc2E[A-Za-z0-9+\/]{300,}={0,2}(?: [^[:cntrl:]]+)?\z/],
]
