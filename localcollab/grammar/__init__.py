"""JSON schemas and regular expressions as grammars in llama.cpp's form (GBNF).

gbnf      texts, classes and rules of a grammar
digits    integers and decimals within bounds
numbers   numbers of a schema; formats: forms of texts that a schema names
patterns  regular expressions inside a JSON string
schemas   a JSON schema -> a grammar whose every text is valid; merging tells what `allOf` means together

Whatever cannot be promised is refused by its name. Who follows a grammar is left to
`decoding.constrained` and `llama.grammar`.
"""
