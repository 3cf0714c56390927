"""Sheets of workbooks, written as the zip files that they are."""

from __future__ import annotations

from zipfile import ZipFile

TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
ODF = "urn:oasis:names:tc:opendocument:xmlns"


def cell(value, place):
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith("date:"):
        return f'<c r="{place}" s="1"><v>{value.removeprefix("date:")}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def written(path, sheets):
    """Write an Excel workbook of sheets, each a list of rows."""
    pieces = {
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" '
        f'Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    }
    named, linked, kinds = "", "", ""
    for at, (name, rows) in enumerate(sheets.items(), 1):
        named += f'<sheet name="{name}" sheetId="{at}" r:id="s{at}"/>'
        target = f"worksheets/sheet{at}.xml"
        linked += f'<Relationship Id="s{at}" Type="{LINKS}/worksheet" Target="{target}"/>'
        data = "".join(
            f'<row r="{y}">'
            + "".join(cell(value, f"{chr(64 + x)}{y}") for x, value in enumerate(row, 1))
            + "</row>"
            for y, row in enumerate(rows, 1)
        )
        pieces[f"xl/{target}"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData></worksheet>'
        )
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
        kinds += f'<Override PartName="/xl/{target}" ContentType="{kind}"/>'
    pieces["xl/workbook.xml"] = (
        f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>{named}</sheets></workbook>'
    )
    pieces["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{PACKAGE}">{linked}<Relationship Id="st" '
        f'Type="{LINKS}/styles" Target="styles.xml"/></Relationships>'
    )
    pieces["[Content_Types].xml"] = (
        f'<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="application/xml"/>{kinds}</Types>'
    )
    with ZipFile(path, "w") as file:
        for name, text in pieces.items():
            file.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def open_document(path, rows):
    """Write an OpenDocument workbook of one sheet."""
    table = ""
    for row in rows:
        table += "<table:table-row>"
        for value in row:
            kind = "string" if isinstance(value, str) else "float"
            number = "" if isinstance(value, str) else f' office:value="{value}"'
            table += (
                f'<table:table-cell office:value-type="{kind}"{number}>'
                f"<text:p>{value}</text:p></table:table-cell>"
            )
        table += "</table:table-row>"
    spaces = " ".join(f'xmlns:{one}="{ODF}:{one}:1.0"' for one in ("office", "table", "text"))
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with ZipFile(path, "w") as file:
        file.writestr("mimetype", kind)
        file.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{ODF}:manifest:1.0"><manifest:file-entry '
            f'manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
        file.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet><table:table "
            f'table:name="One">{table}</table:table></office:spreadsheet></office:body>'
            "</office:document-content>",
        )
    return path
