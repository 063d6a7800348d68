"""Values whose kind one of their own keys names, an entry of a registry, which says what else they may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from leukorepro.core.registry import Registry

KINDS = "kinds"
"""Where the schema keeps the annotated type."""


class NamedBy:
    """Annotation of a value that is validated by the entry which its key names.

    As pydantic's discriminated union of the entries, in messages and in the JSON schema; but an entry is imported only
    where a value names it. Entries that are not of the annotated type are none here.

    Parameters
    ----------
    key : str
        Such as `kind`; every entry is a model that has it.
    registry : Registry of models
    """

    def __init__(self, key: str, registry: Registry[Any]) -> None:
        self._key = key
        self._registry = registry

    def __get_pydantic_core_schema__(self, kinds: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: Any, info: core_schema.ValidationInfo) -> Any:
            if isinstance(value, kinds):
                return value
            return self._entry_of(value, kinds).model_validate(value, context=info.context)

        return core_schema.with_info_plain_validator_function(validate, metadata={KINDS: kinds})

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        kinds = schema["metadata"][KINDS]
        choices = {name: entry.__pydantic_core_schema__ for name, entry in self._entries(kinds).items()}
        return handler(core_schema.tagged_union_schema(choices, discriminator=self._key))

    def _entries(self, kinds: Any) -> dict[str, type[BaseModel]]:
        return {name: entry for name, entry in self._registry.items() if issubclass(entry, kinds)}

    def _entry_of(self, value: Any, kinds: Any) -> type[BaseModel]:
        key = {"discriminator": f"'{self._key}'"}
        if not isinstance(value, Mapping):
            raise PydanticKnownError("model_attributes_type")
        if self._key not in value:
            raise PydanticKnownError("union_tag_not_found", key)
        name = value[self._key]
        entry: type[BaseModel] | None = self._registry.get(name)
        if entry is None or not issubclass(entry, kinds):
            known = ", ".join(map(repr, self._entries(kinds)))
            raise PydanticKnownError("union_tag_invalid", {**key, "tag": str(name), "expected_tags": known})
        return entry
