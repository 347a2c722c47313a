import { expect, test } from "vitest";
import { baseName, groupFiles, nameOf } from "./grouping";

const file = (name: string, header?: string) => ({ name, header });
const names = (files: readonly { name: string; header?: string | undefined }[]) => {
  const { groups, sure } = groupFiles(files);
  return { groups: groups.map((group) => group.map((each) => each.name).sort()), sure };
};
const HEADER = "100 2 360 650000\r\n100.dat 212 200\r\n100.dat 212 200\r\n# 69 M\r\n";

test("a header and the file that it names are one recording", () => {
  const files = [file("100.dat"), file("100.hea", HEADER)];
  expect(names(files)).toEqual({ groups: [["100.dat", "100.hea"]], sure: true });
});

test("several recordings that were dropped together are opened apart", () => {
  const other = "101 1 360\n101.dat 16 200";
  const files = [
    file("100.dat"),
    file("101.hea", other),
    file("100.hea", HEADER),
    file("101.dat"),
    file("a.xml"),
    file("b.dcm"),
  ];
  expect(names(files)).toEqual({
    groups: [["100.dat", "100.hea"], ["101.dat", "101.hea"], ["a.xml"], ["b.dcm"]],
    sure: true,
  });
});

test("segments belong to the header that names them", () => {
  const files = [
    file("041s.hea", "041s/2 12 500 2000\n041s01 1000\n041s02 1000\n"),
    file("041s01.hea", "041s01 1 500 1000\n041s01.dat 16"),
    file("041s01.dat"),
    file("041s02.hea", "041s02 1 500 1000\n041s02.dat 16"),
    file("041s02.dat"),
  ];
  expect(names(files).groups).toHaveLength(1);
  expect(nameOf(files)).toBe("041s");
});

test("a renamed signal file is found by its base name", () => {
  expect(names([file("a.hea", HEADER), file("a.dat")]).groups).toEqual([["a.dat", "a.hea"]]);
});

test("where names do not tell, the person is asked", () => {
  expect(names([file("a.hea", HEADER), file("b.dat")]).sure).toBe(false);
  expect(names([file("a.dat"), file("b.xml")]).sure).toBe(false);
  expect(names([file("a.dat")]).sure).toBe(true);
});

test("a base name has neither folder nor extensions", () => {
  expect(baseName("x/y/A0001.csv.gz")).toBe("A0001");
  expect(baseName("binformats.d0")).toBe("binformats");
  expect(baseName("no_extension")).toBe("no_extension");
});
