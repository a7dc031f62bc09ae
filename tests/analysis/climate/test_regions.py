"""Bands, regions of a user's file in both forms, land; and nothing is fetched."""

import json
import socket
import zipfile

import numpy as np
import pytest
import shapely

from datasel_core.analysis.climate import regions
from datasel_core.analysis.climate.area import latitude_weight
from datasel_core.errors import BadInput
from tests.analysis.climate import real

LAT, LON = (one.ravel() for one in np.meshgrid(np.arange(-85.0, 90, 10), np.arange(0.0, 360, 20), indexing="ij"))
TABLE = """Continent / Ocean,Surface,Reference region name,Acronym,Vertex1,Vertex2,Vertex3,...,,
POLAR,Land,Greenland/Iceland,GIC,-10.0|62.0,-38.0|62.0,-42.0|58.0,-50.0|58.0,-82.0|85.0,-10.0|85.0
ASIA,Land,Russian-Arctic,RAR,40.0|65.0,40.0|72.6,94.0|82.0,180.0|73.8,180.0|65.0,,,
ASIA,Land,Russian-Arctic,RAR*,-180.0|73.8,-180.0|65.0,-168.0|65.0,-168.0|72.6,,,
EUROPE-AFRICA,Land-Ocean,Mediterranean,MED,-10.0|30.0,-10.0|45.0,40.0|45.0,40.0|30.0,,,
"""
"""Three regions of Iturbide et al. 2020, in the form of the published table."""


def test_each_cell_is_in_one_band():
    found = regions.bands(np.array([-90.0, -60.0, -30.0, 0.0, 30.0, 60.0, 90.0]))
    assert np.stack(list(found.values())).sum(axis=0).tolist() == [1] * 7
    assert [int(np.argmax([one[at] for one in found.values()])) for at in range(7)] == [0, 1, 2, 2, 3, 4, 4]
    share = latitude_weight(np.linspace(-89.95, 89.95, 1800))[
        regions.bands(np.linspace(-89.95, 89.95, 1800))["tropics"]
    ]
    assert share.sum() == pytest.approx(0.5, abs=1e-3)


def test_the_published_table_is_read():
    found = regions.regions_in(TABLE)
    assert list(found) == ["GIC", "RAR", "MED"]
    assert found["RAR"].geom_type == "MultiPolygon"  # with what lies beyond the date line
    cells = regions.cells_of(found, LAT, LON)
    for name, inside in cells.items():
        for lat, lon, is_in in zip(LAT, LON, inside, strict=True):
            points = [shapely.Point(lon + turn, lat) for turn in (-360, 0)]
            assert is_in == any(found[name].intersects(one) for one in points), (name, lat, lon)
    assert cells["GIC"].any()
    assert ((LON == 180) & (LAT == 65))[cells["RAR"]].any() or cells["RAR"].any()
    # The same whether longitudes begin at 0 or at -180.
    turned = regions.cells_of(found, LAT, (LON + 180) % 360 - 180)
    assert all((turned[name] == cells[name]).all() for name in cells)
    assert regions.regions_in("\ufeff" + TABLE).keys() == found.keys()


def test_geojson_is_read():
    square = {"type": "Polygon", "coordinates": [[[0, 0], [60, 0], [60, 50], [0, 50], [0, 0]]]}
    features = [
        {"type": "Feature", "properties": {"Acronym": "ours"}, "geometry": square},
        {"type": "Feature", "properties": None, "geometry": square},
    ]
    found = regions.regions_in(json.dumps({"type": "FeatureCollection", "features": features}))
    assert list(found) == ["ours", "region 2"]
    inside = regions.cells_of(found, LAT, LON)["ours"]
    assert inside.tolist() == ((LAT >= 0) & (LAT <= 50) & (LON <= 60)).tolist()
    assert list(regions.regions_in(json.dumps(square))) == ["region 1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "No region is in this file; give GeoJSON, or a table with lines such as POLAR,Land,Name,GIC,-10|62"),
        ("a,b,c\n1,2,3\n", "No region is in this file"),
        ("A,Land,Name,AB,1|2,3|x,4|5\n", "Line 1 is no polygon; vertices must be longitude|latitude, three at least"),
        ("A,Land,Name,AB,1|2,3|4\n", "Line 1 is no polygon"),
        ('{"type": "FeatureCollection"}', "This is no GeoJSON; give a FeatureCollection of polygons"),
        ("{not json", "This is no GeoJSON"),
        ('{"type": "Point", "coordinates": [1, 2]}', "Region region 1 is no polygon but Point; regions must be areas"),
    ],
)
def test_files_without_regions_are_refused_in_one_line(text, said):
    with pytest.raises(BadInput) as error:
        regions.regions_in(text)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_regions_off_the_grid_are_refused():
    with pytest.raises(BadInput, match="No cell of the grid lies in a region; longitudes and latitudes"):
        regions.cells_of({"a": shapely.box(1, 1, 2, 2)}, LAT, LON)


def test_nothing_is_downloaded(tmp_path, monkeypatch):
    """Without the file one line says how to bring it; with it, it is read. No socket is opened either way."""
    regionmask, geopandas = pytest.importorskip("regionmask"), pytest.importorskip("geopandas")

    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with regionmask.set_options(cache_dir=tmp_path):
        with pytest.raises(BadInput) as error:
            regions.regions_cached()
        assert str(error.value) == regions.HOW_TO_BRING
        assert len(regions.HOW_TO_BRING.splitlines()) == 1
        given = regions.regions_in(TABLE)
        made = geopandas.GeoDataFrame({"Acronym": list(given)}, geometry=list(given.values()), crs="EPSG:4326")
        made.to_file(tmp_path / "made.shp")
        (tmp_path / "v0").mkdir()
        with zipfile.ZipFile(tmp_path / "v0" / "IPCC-WGI-reference-regions-v4.zip", "w") as packed:
            for part in tmp_path.glob("made.*"):
                packed.write(part, part.name)
        found = regions.regions_cached()
    assert {name: one.area for name, one in found.items()} == pytest.approx({k: v.area for k, v in given.items()})


def test_land_from_sftlf_in_percent_or_as_a_share():
    for land in (
        regions.land_fraction(np.array([0.0, 25, 100, np.nan])),
        regions.land_fraction(np.array([0, 0.25, 1, 0])),
    ):
        assert land.share.tolist() == [0, 0.25, 1, 0]
        assert land.ocean(np.full(4, 0.25)) == pytest.approx(0.6875)
    with pytest.raises(BadInput, match="sftlf goes beyond 0 to 100; it must be the share of land"):
        regions.land_fraction(np.array([-1.0, 50]))


@real.needed
def test_land_from_the_gaps_of_an_ocean_variable():
    hfds = real.read("ssp126", "r1", "hfds")
    land = regions.land_from_gaps(hfds.fields)
    assert (land.share == np.isnan(hfds.fields[0])).all()
    at = {(lat, lon): share for lat, lon, share in zip(hfds.lat, hfds.lon, land.share, strict=True)}
    assert at[49.5, 90.0] == 1  # Mongolia
    assert at[4.5, 216.0] == 0  # the Pacific
    with pytest.raises(BadInput, match="tas has no gap; land cannot be told from its gaps"):
        regions.land_from_gaps(real.read("ssp126", "r1").fields, "tas")
    with pytest.raises(BadInput, match="hfds has no value; land cannot be told"):
        regions.land_from_gaps(hfds.fields * np.nan)
