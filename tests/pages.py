"""What a page of Markdown tells its readers to type."""

import re
import shlex


def commands_of(path):
    """Return the words of a page's varscore commands, without the program's name."""
    lines = re.findall(r"^    varscore .*", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(line, comments=True)[1:] for line in lines]


def code_of(path, language="python"):
    """Return a page's blocks of code in a language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
