# @summary The program of a collector, in a virtual environment of its own
#
# @example It comes with the public class
#   include quickstack::backups::collector
#
# @api private
class quickstack::backups::collector::program {
  assert_private()

  $packages = $quickstack::backups::collector::packages
  $python = $quickstack::backups::collector::python
  unless $python {
    $os = "${facts['os']['name']} ${facts['os']['release']['major']}"
    fail("A collector needs Python 3.11, and ${os} has no package of it: set quickstack::backups::collector::python to one's path.")
  }

  # The agent knows the version: this module may be laid over another one, whose metadata.json says something else.
  $version = file('quickstack/backups/kaizen-backup').match(/^readonly VERSION=(.+)$/)[1]
  $kaizen = '/opt/kaizen/bin/kaizen'

  ensure_packages($packages)
  contain quickstack::backups::manual

  exec { 'kaizen: virtual environment':
    command => [$python, '-m', 'venv', '/opt/kaizen'],
    # pip comes last: without it the environment was left half made.
    creates => '/opt/kaizen/bin/pip',
    require => Package[$packages],
  }
  # The package has the module's version, so an upgrade of the module upgrades it.
  -> exec { 'kaizen: package':
    command     => [
      '/opt/kaizen/bin/python', '-m', 'pip', 'install', '--quiet', '--upgrade', '--', $quickstack::backups::collector::package_source,
    ],
    unless      => "/usr/bin/test \"$(${kaizen} --version)\" = 'kaizen ${version}'",
    environment => ['PIP_DISABLE_PIP_VERSION_CHECK=1', 'PIP_NO_INPUT=1'],
    logoutput   => on_failure,
    timeout     => 600,
  }
  -> file {
    default:
      ensure  => link,
      require => Class['quickstack::backups::manual'],
      ;
    '/usr/local/bin/kaizen':
      target => $kaizen,
      ;
    '/usr/local/bin/kaizen-onboard':
      target => "${kaizen}-onboard",
      ;
    '/usr/local/share/man/man8/kaizen.8':
      target => '/opt/kaizen/share/man/man8/kaizen.8',
      ;
    '/usr/local/share/man/man8/kaizen-onboard.8':
      target => '/opt/kaizen/share/man/man8/kaizen-onboard.8',
      ;
    '/usr/local/share/man/man5/kaizen-collector.yaml.5':
      target => '/opt/kaizen/share/man/man5/kaizen-collector.yaml.5',
      ;
  }

  unless $quickstack::backups::collector::switches == false {
    exec { 'kaizen: netmiko':
      # The very version that is installed, so that pip takes nothing from the index but what the extra names.
      command     => ['/opt/kaizen/bin/python', '-m', 'pip', 'install', '--quiet', '--', "kaizen-backups[switches]==${version}"],
      unless      => "/opt/kaizen/bin/python -c 'import netmiko'",
      environment => ['PIP_DISABLE_PIP_VERSION_CHECK=1', 'PIP_NO_INPUT=1'],
      logoutput   => on_failure,
      timeout     => 600,
      require     => Exec['kaizen: package'],
    }
  }
}
