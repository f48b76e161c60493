"""The database: SQLite or PostgreSQL, whole SQL statements. Contains no business logic."""
