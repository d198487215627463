"""Notices in words: the reader's language and clock, and nothing left in English for a Spanish reader."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import TemplateNotFound, UndefinedError

from tracker.domain.notices import Topic
from tracker.outside.words import CATALOGS, LOCALES, TEMPLATES, Rendered, Words, known

ROOT = TEMPLATES.parent
AT = datetime(2026, 11, 18, 22, 30, tzinfo=UTC)

OPENED = """\
{{ _("Parcel %(number)s: what happened", number=number) }}

{{ _("The carrier says:") }} {{ said }}
{% if pieces %}
{{ ngettext("%(num)s piece", "%(num)s pieces", pieces) }}
{% endif %}
{{ at | day }} / {{ at | moment }} / {{ amount | money("EUR") }}
"""
SPANISH = """\
msgid ""
msgstr ""
"Language: es\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#, python-format
msgid "Parcel %(number)s: what happened"
msgstr "Paquete %(number)s: qué ha pasado"

msgid "The carrier says:"
msgstr "El transportista dice:"

#, python-format
msgid "%(num)s piece"
msgid_plural "%(num)s pieces"
msgstr[0] "%(num)s bulto"
msgstr[1] "%(num)s bultos"

#, fuzzy
msgid "Found"
msgstr "Perdido"
"""
FACTS = {"number": "06-1", "said": "<ROTO> & %(x)s", "pieces": 2, "at": AT, "amount": 123450, "zone": "Europe/Madrid"}


@pytest.fixture
def words(tmp_path: Path) -> Words:
    for name, text in {"templates/mail/opened.txt": OPENED, "words/es/LC_MESSAGES/messages.po": SPANISH}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return Words(tmp_path / "templates", tmp_path / "words")


def test_a_notice_is_its_subject_and_its_text_in_the_reader_s_language(words):
    assert words.render("opened", "es", FACTS) == Rendered(
        "Paquete 06-1: qué ha pasado",
        "El transportista dice: <ROTO> & %(x)s\n2 bultos\n"
        "miércoles 18 de noviembre / mié 18 nov, 23:30 / 1.234,50\N{NO-BREAK SPACE}€\n",
    )
    assert words.render("opened", "en", {**FACTS, "pieces": 1, "zone": "Atlantic/Canary"}) == Rendered(
        "Parcel 06-1: what happened",
        "The carrier says: <ROTO> & %(x)s\n1 piece\nWednesday 18 November / Wed 18 Nov, 22:30 / €1,234.50\n",
    )


def test_a_day_is_the_reader_s_day(words):
    text = words.render("opened", "es", {**FACTS, "zone": "Europe/Istanbul"}).text
    assert "jueves 19 de noviembre / jue 19 nov, 1:30" in text.replace(" 01:30", " 1:30")


def test_an_instant_may_also_come_as_text(words):
    facts = {**FACTS, "at": AT.isoformat()}
    assert words.render("opened", "es", facts) == words.render("opened", "es", FACTS)


def test_a_text_of_others_cannot_break_the_subject(words):
    subject = words.render("opened", "es", {**FACTS, "number": "1\r\x0b\x00 2\x85\u20283"}).subject
    assert subject == "Paquete 1 2 3: qué ha pasado"
    assert subject.isprintable()


def test_a_fact_that_is_missing_is_an_error_and_never_an_empty_place(words):
    with pytest.raises(UndefinedError, match="said"):
        words.render("opened", "es", {name: value for name, value in FACTS.items() if name != "said"})


def test_a_topic_without_a_template_is_an_error(words):
    with pytest.raises(TemplateNotFound):
        words.render("closed", "es", FACTS)


@pytest.mark.parametrize(
    ("locale", "language"),
    [("es", "es"), ("es-ES", "es"), ("es_MX", "es"), ("en-GB", "en"), ("ro", "en"), ("", "en")],
)
def test_a_language_that_we_do_not_speak_is_answered_in_english(words, locale, language):
    assert known(locale) == language
    assert (
        words.translations(locale).gettext("The carrier says:")
        == {
            "es": "El transportista dice:",
            "en": "The carrier says:",
        }[language]
    )


def test_an_uncertain_translation_is_not_used(words):
    assert words.translations("es").gettext("Found") == "Found"


# --- the real words ---------------------------------------------------------------------------------------------------

KEYWORDS = {**DEFAULT_KEYWORDS, "noted": None}
JINJA = "jinja2.ext:babel_extract"
SILENT = {"**": {"silent": "false"}}


def said(folder: Path, methods: list[tuple[str, str]]) -> dict[object, str]:
    """Every text to translate (a pair for singular and plural) and where it stands."""
    found = extract_from_dir(folder, methods, SILENT, KEYWORDS)
    return {text: f"{folder.name}/{name}:{line}" for name, line, text, *_ in found}


def everything_said() -> dict[object, str]:
    return {
        **said(ROOT / "tracker", [("**.py", "python")]),
        **said(TEMPLATES, [("**.html", JINJA), ("**.txt", JINJA)]),
    }


def spanish() -> dict[object, Message]:
    path = CATALOGS / "es/LC_MESSAGES/messages.po"
    return {message.id: message for message in read_po(path.open("rb"), locale="es", abort_invalid=True) if message.id}


def lacks(text: object, message: Message | None) -> str | None:
    """What is wrong with a text's translation, or None."""
    if message is None or message.id != text:
        return "no translation"
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    if not all(strings) or message.fuzzy:
        return "an empty or uncertain translation"
    sources = text if isinstance(text, tuple) else (text,)
    wanted = {place for source in sources for place in re.findall(r"%\(\w+\)s", source)}
    if any(set(re.findall(r"%\(\w+\)s", string)) - wanted for string in strings) or wanted - set(
        re.findall(r"%\(\w+\)s", strings[-1])
    ):
        return "other places for values"
    return None


def test_everything_that_is_said_has_its_spanish_words():
    texts, catalog = everything_said(), spanish()
    assert len(texts) > 10
    wrong = [f"{where}: {why}: {text!r}" for text, where in texts.items() if (why := lacks(text, catalog.get(text)))]
    assert wrong == []


LACKING = {
    "nothing": ("Hello %(name)s", None, "no translation"),
    "an empty one": ("Hello", Message("Hello", ""), "an empty or uncertain translation"),
    "an uncertain one": ("Hello", Message("Hello", "Hola", flags={"fuzzy"}), "an empty or uncertain translation"),
    "half a plural": (("day", "days"), Message(("day", "days"), ("día", "")), "an empty or uncertain translation"),
    "a value forgotten": ("Hello %(name)s", Message("Hello %(name)s", "Hola"), "other places for values"),
    "a value renamed": ("Hello %(name)s", Message("Hello %(name)s", "Hola %(nombre)s"), "other places for values"),
    "no plural": ("day", Message(("day", "days"), ("día", "días")), "no translation"),
}


@pytest.mark.parametrize(("text", "message", "why"), LACKING.values(), ids=LACKING)
def test_a_translation_that_lacks_something_is_found(text, message, why):
    assert lacks(text, message) == why


def test_texts_are_found_in_pages_mails_and_code(tmp_path):
    (tmp_path / "a.py").write_text('_("one"); ngettext("two", "twos", 2); noted("three")\n')
    (tmp_path / "b.html").write_text('{{ _("four") }}{% trans %}five{% endtrans %}\n')
    (tmp_path / "c.txt").write_text('{{ ngettext("six", "sixes", n) }}\n')
    found = said(tmp_path, [("**.py", "python"), ("**.html", JINJA), ("**.txt", JINJA)])
    assert set(found) == {"one", ("two", "twos"), "three", "four", "five", ("six", "sixes")}


def test_no_text_is_translated_twice():
    lines = (CATALOGS / "es/LC_MESSAGES/messages.po").read_text().splitlines()
    entries = [line for line in lines if line.startswith("msgid ")]
    assert len(entries) - 1 == len(spanish())


def test_every_topic_has_its_template_and_every_template_its_topic():
    names = {path.stem for path in (TEMPLATES / "mail").glob("[!_]*.txt")}
    assert names == {str(topic) for topic in Topic}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_template_of_a_mail_can_be_read(locale):
    environment = Words()._environments[locale]
    assert [environment.get_template(f"mail/{topic}.txt").name for topic in Topic]
