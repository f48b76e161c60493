"""Tables of TeX: symbols, accents, alphabets, scripts. Data, no rules."""

import unicodedata
from typing import Final

from pylatexenc.latex2text import get_default_latex_context_db


def _symbols() -> dict[str, str]:
    """Macros without arguments, by pylatexenc; not those that stand for a reference or the date."""
    specs = get_default_latex_context_db()
    found = {
        spec.macroname: spec.simplify_repl
        for category in specs.categories()
        for spec in specs.iter_macro_specs([category])
        if isinstance(spec.simplify_repl, str) and "%" not in spec.simplify_repl
    }
    dull = {
        "today",
        "ref",
        "autoref",
        "cref",
        "Cref",
        "eqref",
        "cite",
        "citet",
        "citep",
        "prime",
        "circ",
        "hspace",
    }
    return {
        name: text for name, text in found.items() if name not in dull and text.strip() and len(text) <= 2
    }


SYMBOLS: Final = _symbols() | {
    "ne": "≠", "gets": "←", "phi": "φ", "varphi": "φ", "epsilon": "ε", "varepsilon": "ε", "prime": "′",
    "circ": "∘", "degree": "°", "colon": ":", "lvert": "|", "rvert": "|", "ldotp": ".", "dotsc": "…",
    "dotsb": "…", "top": "⊤", "intercal": "⊺", "%": "%", "|": "‖", "textless": "<", "textgreater": ">",
    "le": "≤", "ge": "≥", "implies": "⇒", "iff": "⇔", "coloneqq": "≔", "triangleq": "≜",
    "textasciitilde": "~",
    "lbrace": "{", "rbrace": "}", "vert": "|", "lt": "<", "gt": ">", "textmu": "µ", "textdegree": "°",
    "bigstar": "★", "checkmark": "✓", "tilde": "∼", "sim": "∼",
}  # fmt: skip

RELATIONS: Final = frozenset("≤≥≠≡≈≃≅∈∉⊂⊆⊃⊇→←↔⇒⇐⇔↦≪≫∝≔≜⟶⟹⟺≺≻⪯⪰∪∩")

FUNCTIONS: Final = frozenset(
    [
        "arccos",
        "arcsin",
        "arctan",
        "arg",
        "argmax",
        "argmin",
        "cos",
        "cosh",
        "cot",
        "coth",
        "csc",
        "deg",
        "det",
        "dim",
        "exp",
        "gcd",
        "hom",
        "inf",
        "ker",
        "lg",
        "lim",
        "liminf",
        "limsup",
        "ln",
        "log",
        "max",
        "min",
        "mod",
        "Pr",
        "sec",
        "sin",
        "sinh",
        "sup",
        "tan",
        "tanh",
    ]
)

#: Macros for a letter within a word: the blank behind them is never meant.
LETTERS: Final = frozenset(["aa", "AA", "ae", "AE", "oe", "OE", "o", "O", "l", "L", "ss", "i", "j"])

#: Macros whose argument is ordinary text.
TEXT_LIKE: Final = frozenset(
    [
        "emph",
        "textbf",
        "textit",
        "textsc",
        "texttt",
        "textrm",
        "textsf",
        "textsl",
        "textup",
        "textnormal",
        "text",
        "mbox",
        "mathrm",
        "mathbf",
        "mathit",
        "mathsf",
        "mathtt",
        "mathnormal",
        "boldsymbol",
        "bm",
        "pmb",
        "operatorname",
        "underline",
        "uline",
        "bold",
        "rm",
        "bf",
        "it",
    ]
) - {"rm", "bf", "it"}

#: Switches and spacing that leave nothing behind.
DROPPED: Final = frozenset(
    [
        "left",
        "right",
        "big",
        "Big",
        "bigg",
        "Bigg",
        "bigl",
        "bigr",
        "Bigl",
        "Bigr",
        "biggl",
        "biggr",
        "middle",
        "displaystyle",
        "textstyle",
        "scriptstyle",
        "limits",
        "nolimits",
        "rm",
        "bf",
        "it",
        "em",
        "sc",
        "tt",
        "sf",
        "cal",
        "bfseries",
        "itshape",
        "xspace",
        "!",
        "/",
        "protect",
        "noindent",
    ]
)

#: Spaces and line breaks.
BLANKS: Final = frozenset(
    [",", ";", ":", ">", " ", "\n", "quad", "qquad", "\\", "newline", "par", "thinspace"]
)

ACCENTS: Final = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "r": "\u030a", "b": "\u0331",
    "d": "\u0323",
}  # fmt: skip

MATH_ACCENTS: Final = {
    "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304",
    "overline": "\u0305", "underline": "\u0332", "vec": "\u20d7", "dot": "\u0307", "ddot": "\u0308",
    "check": "\u030c", "acute": "\u0301", "grave": "\u0300", "breve": "\u0306", "mathring": "\u030a",
}  # fmt: skip


def _alphabet(style: str) -> dict[str, str]:
    """ASCII letters (and digits) in one mathematical style; a few have older names of their own."""
    older = {"FRAKTUR": "BLACK-LETTER"}.get(style, style)
    table: dict[str, str] = {}
    for code in range(0x41, 0x7B):
        letter = chr(code)
        case = "CAPITAL" if letter.isupper() else "SMALL"
        for name in (f"MATHEMATICAL {style} {case} {letter.upper()}", f"{older} {case} {letter.upper()}"):
            try:
                table[letter] = unicodedata.lookup(name)
                break
            except KeyError:
                continue
    return table


_DOUBLE, _SCRIPT, _FRAKTUR = (_alphabet(style) for style in ("DOUBLE-STRUCK", "SCRIPT", "FRAKTUR"))
_DIGITS = {"0": "𝟘", "1": "𝟙"}
ALPHABETS: Final = {
    "mathbb": _DOUBLE | _DIGITS, "mathds": _DOUBLE | _DIGITS, "mathbbm": _DOUBLE | _DIGITS, "Bbb": _DOUBLE,
    "mathcal": _SCRIPT, "mathscr": _SCRIPT, "mathfrak": _FRAKTUR, "mathpzc": _SCRIPT,
}  # fmt: skip


#: Fractions that have a sign of their own.
VULGAR: Final = {
    "1/2": "½", "1/3": "⅓", "2/3": "⅔", "1/4": "¼", "3/4": "¾", "1/5": "⅕", "1/6": "⅙", "1/8": "⅛",
}  # fmt: skip


def _table(plain: str, raised: str) -> dict[str, str]:
    return dict(zip(plain, raised, strict=True))


SUPERSCRIPTS: Final = _table(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzTABDEGHIJKLMNOPRUVWαβγδθ∘*∗⊤⊺′†‡",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵁⱽᵂᵅᵝᵞᵟᶿ°**ᵀᵀ′†‡",
)
SUBSCRIPTS: Final = _table("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ")
