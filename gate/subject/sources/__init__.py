"""Model sources: who recognises an artefact, says what it states, identifies it and opens it.

One file a source. :mod:`.source` is what each of them offers, :mod:`.statements` what an artefact
states, :mod:`.registry` finds the source of an artefact, and :mod:`.resolution` lays what the gate
file says over what the artefact states. Importing a source loads no torch; opening a model may.
"""
