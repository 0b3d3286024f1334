"""Is a team worth it on somebody's own questions? `localcollab tune`.

`cast` finds the members, `prompts` the forms in which they are asked, `contenders` the teams to try;
`asking` asks and keeps every answer, `verdict` compares, `entries` writes the winner into models.toml.
The measures and the statistics are `localcollab.evaluation`'s.
"""
