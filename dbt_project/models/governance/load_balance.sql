-- The same count over everything ever loaded.
{{ load_balance(source('ledger', 'loads')) }}
