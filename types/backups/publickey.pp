# @summary One OpenSSH public key as in a `.pub` file: type, base64, perhaps a comment; no options in front, no second line
type Quickstack::Backups::Publickey = Pattern[
  /\A(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) AAAA[A-Za-z0-9+\/]+={0,2}(?: [^[:cntrl:]]+)?\z/
]
