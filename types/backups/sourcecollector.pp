# @summary Another collector, whose store is collected: its name, where its sshd is, and its host keys
type Quickstack::Backups::Sourcecollector = Struct[{
  name           => Quickstack::Backups::Nodename,
  address        => Variant[Stdlib::IP::Address::Nosubnet, Quickstack::Backups::Nodename],
  host_keys      => Array[Pattern[/\A(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)) AAAA[A-Za-z0-9+\/]+={0,2}\z/], 1],
  Optional[port] => Integer[1, 65535],
  Optional[user] => Quickstack::Backups::User,
}]
