"""Every limit of this room."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ProvenanceLimits(BaseModel):
    """Limits on what is read from files that others made, and on what is signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_file_bytes: int = Field(
        4 * 1024**3, gt=0, description="largest file to verify or sign, in bytes"
    )
    max_store_bytes: int = Field(32 * 1024**2, gt=0, description="largest manifest store, in bytes")
    max_xmp_bytes: int = Field(
        16 * 1024**2, gt=0, description="how much of a file's XMP is read, in bytes"
    )
    max_box_depth: int = Field(
        48, gt=0, description="deepest nesting of JUMBF or BMFF boxes that is followed"
    )
    max_boxes: int = Field(20_000, gt=0, description="most boxes that are walked in one file")
    max_ingredient_depth: int = Field(
        64, gt=0, description="longest chain of ingredients that is judged"
    )
    max_manifests: int = Field(256, gt=0, description="most manifests in one store")
    verify_seconds: float = Field(
        30.0, gt=0, description="longest time for one verification, in seconds, without hashing"
    )
    verify_cpu_seconds: float = Field(
        1.0, gt=0, description="most processor time for one verification, without hashing"
    )
    verify_bytes_per_second: int = Field(
        20 * 1024**2, gt=0, description="slowest hashing that is waited for, in bytes per second"
    )
    own_hash_bytes: int = Field(
        4 * 1024**2,
        gt=0,
        description="largest file whose hash is computed by us beside the library's, in bytes",
    )
    verify_memory_bytes: int = Field(
        1024**3, gt=0, description="address space of the verifying child process, in bytes"
    )
    picture_seconds: float = Field(
        300.0, gt=0, description="longest time to read a file's watermark and picture, in seconds"
    )
    picture_memory_bytes: int = Field(
        3 * 1024**3, gt=0, description="address space of the child that decodes, in bytes"
    )
    max_text_chars: int = Field(
        2_000, gt=0, description="longest single text of a manifest that a report repeats"
    )
    max_ingredients: int = Field(16, gt=0, description="most ingredients of one signed file")
    max_thumbnail_bytes: int = Field(
        512 * 1024, gt=0, description="largest thumbnail in a manifest, in bytes"
    )
