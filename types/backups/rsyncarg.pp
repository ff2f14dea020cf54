# @summary One more option for rsync, such as `--bwlimit=20m`: those that leave alone what a snapshot promises
type Quickstack::Backups::Rsyncarg = Variant[
  Enum[
    '--checksum', '--fsync', '--no-whole-file', '--one-file-system', '--open-noatime', '--preallocate', '--whole-file',
  ],
  Pattern[/\A--(?:bwlimit|max-alloc|max-size|timeout)=[A-Za-z0-9.]+\z/],
]
