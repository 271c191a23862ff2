"""Pictures of the report as small hand-made SVG, each a pure function from data to markup."""
