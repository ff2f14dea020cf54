# @summary A directory of its own for snapshots, which only root may enter: a plain path that is none of the system's
type Quickstack::Backups::Datadir = Pattern[
  /\A(?!\/(?:bin|boot|dev|etc|home|lib|lib32|lib64|libx32|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var|var\/(?:backups|cache|lib|log|mail|opt|run|spool|tmp))\z)(?!\/(?:bin|boot|dev|etc|lib|lib64|proc|run|sbin|sys|usr|var\/lib\/kaizen)\/|\/var\/lib\/kaizen\z)(?:\/(?!\.{1,2}(?:\/|\z))[A-Za-z0-9._+-]+)+\z/
]
