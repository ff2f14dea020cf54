# @summary Whether a collector fetches switches, or the whole content of its switches.yaml
#
# `kaizen switches example` prints such a file. No password stands in it, but where one is to be had.
type Quickstack::Backups::Switches = Variant[Boolean, Struct[{
  Optional[known_hosts] => Quickstack::Backups::Plainpath,
  Optional[jobs]        => Integer[1, 500],
  Optional[defaults]    => Hash[String[1], Data],
  switches              => Hash[Quickstack::Backups::Nodename, Hash[String[1], Data]],
}]]
