"""The pages: sign-up, choices, votes, lists, feeds. Thin endpoints over pipeline and storage.

Nothing that a GET or HEAD asks for changes anything; what changes is asked for by a POST of our own forms.
"""
