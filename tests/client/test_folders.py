from __future__ import annotations

from pathlib import Path

from ecgfm_client.folders import find_recordings, group_files


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_a_header_and_its_signal_files_are_one_recording(tmp_path: Path) -> None:
    write(
        tmp_path / "a",
        r1__hea="r1 2 500 10\nr1.dat 16 200 16 0 0 0 0 I\nother.dat 16 200 16 0 0 0 0 II\n",
        r1__dat="x",
        other__dat="y",
    )
    write(tmp_path / "a", r1__atr="an annotation", README__md="about", x__dcm="z")
    found = find_recordings(tmp_path)
    assert [one.name for one in found] == ["a/r1", "a/x.dcm"]
    assert [path.name for path in found[0].files] == ["r1.hea", "r1.dat", "other.dat"]


def test_segments_belong_to_the_recording_that_names_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        m__hea="m/2 1 500 20\ns1 10\n~ 5\ns2 10\n",
        s1__hea="s1 1 500 10\ns1.dat 16\n",
        s2__hea="s2 1 500 10\ns2.dat 16\n",
    )
    write(tmp_path, s1__dat="x", s2__dat="y")
    (found,) = find_recordings(tmp_path)
    assert found.name == "m"
    assert [path.name for path in found.files] == ["m.hea", "s1.hea", "s2.hea", "s1.dat", "s2.dat"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / ".git", a__npy="x")
    write(tmp_path / "b", a__npy="x")
    (tmp_path / "b" / ".hidden.npy").write_text("x")
    assert [one.name for one in find_recordings(tmp_path)] == ["b/a.npy"]


def test_files_that_somebody_names_are_grouped_in_any_order(tmp_path: Path) -> None:
    write(tmp_path, r__hea="r 1 500 10\nr.dat 16\n", r__dat="x", notes__txt="an ECG after all")
    found = group_files([tmp_path / "notes.txt", tmp_path / "r.dat", tmp_path / "r.hea"])
    assert sorted(len(one.files) for one in found) == [1, 2]


def test_a_header_without_its_file_is_sent_for_the_server_to_say_so(tmp_path: Path) -> None:
    write(tmp_path, r__hea="r 1 500 10\ngone.dat 16\n", empty__hea="")
    assert [len(one.files) for one in find_recordings(tmp_path)] == [1, 1]
