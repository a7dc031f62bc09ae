"""From a question to an answer: spec, question, candidates, target, selection, manifest."""
