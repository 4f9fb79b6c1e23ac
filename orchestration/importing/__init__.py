"""Files of other systems to landing files of messages: representation only, the rules stay in SQL. No Dagster here."""
