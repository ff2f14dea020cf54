# @summary Who gets the mail digest, and how
#
# `always` sends it when all is well, too. Without `smtp` it goes through the local sendmail.
type Quickstack::Backups::Mail = Struct[{
  to               => Array[Quickstack::Backups::Mailaddress, 1],
  Optional[from]   => Quickstack::Backups::Mailaddress,
  Optional[always] => Boolean,
  Optional[smtp]   => Struct[{
    host                    => Pattern[/\A[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\z/, /\A[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\z/],
    Optional[port]          => Integer[1, 65535],
    Optional[starttls]      => Boolean,
    Optional[user]          => Pattern[/\A[A-Za-z0-9][A-Za-z0-9._+@-]*\z/],
    Optional[password_file] => Quickstack::Backups::Plainpath,
  }],
}]
