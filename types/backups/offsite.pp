# @summary The restic repositories to which a collector sends copies, by name
#
# A repository is a place and no more: keys and passwords are in files on the collector.
type Quickstack::Backups::Offsite = Hash[Pattern[/\A[a-z0-9][a-z0-9_-]{0,62}\z/], Struct[{
  repository                 => Pattern[
    /\A\/[A-Za-z0-9._\/-]+\z/,
    /\A(sftp|ssh):\/\/[a-z_][a-z0-9_-]*@[A-Za-z0-9][A-Za-z0-9.:-]*(\/[A-Za-z0-9._\/-]*)?\z/,
    /\A(rest|s3):https?:\/\/[A-Za-z0-9][A-Za-z0-9.:-]*(\/[A-Za-z0-9._\/-]*)?\z/,
  ],
  Optional[password_file]    => Quickstack::Backups::Plainpath,
  Optional[environment_file] => Quickstack::Backups::Plainpath,
  Optional[key]              => Quickstack::Backups::Plainpath,
  Optional[known_hosts]      => Quickstack::Backups::Plainpath,
  Optional[rate]             => Pattern[/\A[0-9]{1,15}[kmgt]?\z/],
  Optional[jobs]             => Integer[1, 100],
}]]
