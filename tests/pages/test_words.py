"""The page of words: every word is found, by its name or by what it means."""

from pages._ui.words import terms
from tests.pages import screens
from tests.pages.screens import said, sound

screen = screens.screen


def test_words_are_explained_without_a_pool_and_found(screen):
    app = sound(screen().switch_page("pages/words.py").run())
    text = said(app)
    for word in ("held-out set", "worth n random samples", "FreeSel", "Coverage", "Loss trajectories"):
        assert word in text
    sound(app.text_input(key="widget.words.find").set_value("COIN").run())
    assert "AUC" in said(app)
    assert "FreeSel" not in said(app)
    sound(app.text_input(key="widget.words.find").set_value("nothing like it").run())
    assert "No word here says that." in said(app)


def test_every_word_of_a_search_must_be_there():
    assert [word for _, word, _, _ in terms.matching("held-out aside")] == ["held-out set"]
    assert terms.matching("") == terms.entries()


def test_no_word_is_explained_twice_or_by_itself():
    words = [word.casefold() for of in terms.TERMS.values() for word in of]
    assert len(words) == len(set(words))
    for of in terms.TERMS.values():
        for word, meaning in of.items():
            assert not meaning.casefold().startswith(
                (word.casefold(), f"a {word.casefold()}", f"the {word.casefold()}")
            )
            assert meaning.endswith(".")
