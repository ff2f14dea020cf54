# @summary A whole number that is not negative, or its digits in quotes, as the module in use has it: `3`, `'3'`, `'08'`
type Quickstack::Backups::Intstring = Variant[Integer[0], Pattern[/\A[0-9]{1,9}\z/]]
