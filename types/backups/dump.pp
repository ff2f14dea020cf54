# @summary A database to dump, or a command whose output is kept under a name
type Quickstack::Backups::Dump = Variant[
  Enum['mysql', 'postgresql', 'mongodb', 'rabbitmq', 'packages', 'hil', 'libvirt', 'ceph'],
  Pattern[/\Asqlite:(?:\/(?!\.{1,2}(?:\/|\z))[^\/[:cntrl:]]+)+(?<![[:space:]])\z/],
  Pattern[/\Acommand:[A-Za-z0-9][A-Za-z0-9_-]*:(?:\/(?!\.{1,2}(?:\/|\z))[^\/[:cntrl:]]+)+(?<![[:space:]])\z/],
]
