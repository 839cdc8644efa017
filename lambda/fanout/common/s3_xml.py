"""S3's XML: bodies of requests, and what answers hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

XML_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


LISTS = {
    "DeleteMarker": "DeleteMarkers",
    "Part": "Parts",
    "Upload": "Uploads",
    "Version": "Versions",
}
INTEGERS = frozenset({"NextPartNumberMarker", "PartNumber", "Size"})
_IN_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
"""XML's readers take a carriage return that is not escaped for a line feed."""

KEYS = frozenset({"Key", "KeyMarker", "NextKeyMarker", "Prefix"})


def parse(body: bytes) -> ElementTree.Element | None:
    """The XML of an answer; None if it is none."""
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None


def local_name(element: ElementTree.Element) -> str:
    """An element's name without its namespace, which some answers have."""
    return element.tag.rpartition("}")[2]


def document(name: str, content: Mapping[str, Any]) -> bytes:
    """A request's body: an element with a parameter in it."""
    return f'<{name} xmlns="{XML_NAMESPACE}">{_elements(content)}</{name}>'.encode()


def _elements(content: Mapping[str, Any]) -> str:
    parts = []
    for name, value in content.items():
        if name == "Parts":
            parts += [f"<Part>{_elements(part)}</Part>" for part in value]
        elif name == "TagSet":
            tags = "".join(f"<Tag>{_elements(tag)}</Tag>" for tag in value)
            parts.append(f"<TagSet>{tags}</TagSet>")
        else:
            parts.append(f"<{name}>{str(value).translate(_IN_XML)}</{name}>")
    return "".join(parts)


def dictionary(element: ElementTree.Element) -> dict[str, Any]:
    """What an element holds, named as in the API reference."""
    found: dict[str, Any] = {}
    for child in element:
        name = local_name(child)
        if name == "TagSet":
            found[name] = [dictionary(tag) for tag in child]
        elif name in LISTS:
            found.setdefault(LISTS[name], []).append(dictionary(child))
        elif len(child):
            found[name] = dictionary(child)
        else:
            found[name] = _value(name, child.text or "")
    return found


def _value(name: str, text: str) -> object:
    if name in INTEGERS:
        return int(text)
    return text == "true" if name == "IsTruncated" else text


def decode_keys(found: dict[str, Any]) -> None:
    """Decode the keys of a listing that was asked for with ``EncodingType``, in place."""
    for name, value in found.items():
        if name in KEYS:
            found[name] = unquote_plus(value)
        elif isinstance(value, list):
            for each in value:
                decode_keys(each)
