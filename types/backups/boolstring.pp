# @summary A Boolean, or the word for one in quotes, as the module in use has it: `true`, `'true'`, `'Yes'`, `'0'`
type Quickstack::Backups::Boolstring = Variant[Boolean, Pattern[/\A(?i:true|false|yes|no|y|n|t|f|1|0)\z/]]
