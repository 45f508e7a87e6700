"""C++ as a list of tokens: enough for checks of style, not a parser."""

import pathlib
import re
from typing import NamedTuple

SUFFIXES = {".hpp", ".ipp", ".cpp", ".h", ".cc"}


class Token(NamedTuple):
    text: str
    line: int


_PATTERN = re.compile(
    r"""
    (?P<space>\s+|\\\n)
  | (?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)
  | (?P<raw>(?:u8|[uUL])?R"(?P<mark>[^\s()\\]*)\(.*?\)(?P=mark)")
  | (?P<string>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*")
  | (?P<character>(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
  | (?P<number>\.?[0-9](?:'?[0-9a-zA-Z_.]|[eEpP][+-])*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign>->\*|<=>|\.\.\.|::|->|&&|\|\||[-+*/%&|^=!<>]=|\+\+|--|<<=|>>=|<<|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DIRECTIVE = re.compile(r"[ \t]*#(?:\\\n|/\*.*?\*/|[^\n])*", re.DOTALL)


def tokens_of(text: str) -> list[Token]:
    """The tokens of a source text without comments and directives. A text literal is one token, `""`; `>>` is two."""
    found = []
    at = 0
    line = 1
    while at < len(text):
        starts_line = at == 0 or text[at - 1] == "\n"
        match = (_DIRECTIVE.match(text, at) if starts_line else None) or _PATTERN.match(text, at)
        kind = match.lastgroup if match.re is _PATTERN else "directive"
        if kind == "mark":
            kind = "raw"
        if kind in ("raw", "string", "character"):
            found.append(Token('""', line))
        elif kind in ("number", "name", "sign"):
            found.append(Token(match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    return found


def sources_under(root: pathlib.Path, folders: list[str]) -> list[pathlib.Path]:
    """Every C++ file below the folders that exist, in order."""
    return sorted(
        path
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.suffix in SUFFIXES and "node_modules" not in path.parts
    )
