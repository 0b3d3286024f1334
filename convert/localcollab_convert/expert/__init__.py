"""`convert expert`: an expert trained on private documents, and a team of it and a base.

`texts` reads the documents, `train` the model, `questions` makes the data for the head, which `head`
trains. Learning new documents later is in `refresh`.
"""
