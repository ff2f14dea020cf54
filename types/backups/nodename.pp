# @summary The certname of a node, or the name of a host without Puppet
type Quickstack::Backups::Nodename = Pattern[/\A(?=.{1,253}\z)[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*\z/]
