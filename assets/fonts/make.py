#!/usr/bin/env python3
"""Makes the font files beside this script from Debian's fonts-inter and fonts-jetbrains-mono.

egui cannot switch OpenType features, so they are fixed here: Inter gets tabular figures by default (columns of
numbers align), JetBrains Mono loses its ligatures (SQL and keys show each character), and both are cut down to
Latin, Greek, Cyrillic, punctuation, arrows and the shapes the window uses. Other scripts come from the system.

    apt-get install fonts-inter fonts-jetbrains-mono fonttools && python3 assets/fonts/make.py
"""
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = Path(__file__).parent
RANGES = "U+20-7E,U+A0-24F,U+370-3FF,U+400-4FF,U+1E00-1EFF,U+2000-206F,U+20A0-20BF,U+2100-214F,U+2190-2199,U+2200-22FF,U+25A0-25FF,U+2318,U+23CE,U+FFFD"

def single_substitutions(font, tag):
    """The glyph map of every single substitution lookup of a feature."""
    gsub, mapping = font["GSUB"].table, {}
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag == tag:
            for index in record.Feature.LookupListIndex:
                for table in gsub.LookupList.Lookup[index].SubTable:
                    table = getattr(table, "ExtSubTable", table)
                    mapping.update(getattr(table, "mapping", {}))
    return mapping


def make(source, target, tabular):
    options = subset.Options()
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl"] + (["tnum"] if tabular else [])
    options.name_IDs, options.hinting, options.notdef_outline = ["*"], False, True
    font = TTFont(source)
    if tabular:
        digits = single_substitutions(font, "tnum")
        for table in font["cmap"].tables:
            for code in range(0x30, 0x3A):
                if code in table.cmap:
                    table.cmap[code] = digits.get(table.cmap[code], table.cmap[code])
        options.layout_features.remove("tnum")
        glyphs = [font.getBestCmap()[code] for code in range(0x30, 0x3A)]
        for glyph in glyphs:  # One of them is two units narrower than the others.
            font["hmtx"][glyph] = (font["hmtx"][glyphs[0]][0], font["hmtx"][glyph][1])
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=subset.parse_unicodes(RANGES))
    cutter.subset(font)
    font.save(HERE / target)


make("/usr/share/fonts/opentype/inter/Inter-Medium.otf", "Inter-Medium.otf", True)
make("/usr/share/fonts/opentype/inter/Inter-SemiBold.otf", "Inter-SemiBold.otf", True)
make("/usr/share/fonts/truetype/jetbrains-mono/JetBrainsMono-Regular.ttf", "JetBrainsMono-Regular.ttf", False)


def make_emoji(source, target):
    """Single emoji without their sequences: a third of the size, and a sequence still shows its parts."""
    options = subset.Options()
    options.layout_features, options.name_IDs, options.hinting = [], ["*"], False
    font = TTFont(source)
    # Digits and punctuation come from the text faces.
    codes = [code for code in font.getBestCmap() if code > 0x2FF]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(font)
    font.save(HERE / target)


# Noto Emoji (Google Fonts, OFL) is not in Debian: npm pack @expo-google-fonts/noto-emoji, unpacked beside this script.
EMOJI = HERE / "package/400Regular/NotoEmoji_400Regular.ttf"
if EMOJI.exists():
    make_emoji(EMOJI, "NotoEmoji-Regular.ttf")
