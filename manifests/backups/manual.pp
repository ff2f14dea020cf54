# @summary The directories in which man pages stand; they stay, for they are everybody's
#
# @example It comes with the public class
#   include quickstack::backups
#
# @api private
class quickstack::backups::manual {
  assert_private()

  # A node may lack them, and no file resource may claim them: another module may manage them.
  exec { 'kaizen: directories of man pages':
    command => 'mkdir -p /usr/local/share/man/man5 /usr/local/share/man/man8',
    umask   => '0022',
    unless  => 'test -d /usr/local/share/man/man5 -a -d /usr/local/share/man/man8',
    path    => ['/usr/bin', '/bin'],
  }
}
