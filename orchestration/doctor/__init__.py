"""What an operator must know of a platform: small examinations that read, each with a remedy for what is not well."""
