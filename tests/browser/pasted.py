"""What programs put on the clipboard as HTML, cut to what matters: each with its own ways of saying the same."""

WORD = """<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"
xmlns:w="urn:schemas-microsoft-com:office:word" xmlns="http://www.w3.org/TR/REC-html40">
<head><meta http-equiv=Content-Type content="text/html; charset=utf-8"><meta name=Generator content="Microsoft Word 15">
<!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->
<style><!-- @font-face {font-family:Calibri;} p.MsoNormal {margin:0cm;font-size:11.0pt;}
@list l0:level1 {mso-level-number-format:bullet;mso-level-text:\\F0B7;} --></style>
<!--[if gte mso 10]><style>table.MsoNormalTable {mso-style-name:"Table Normal";}</style><![endif]--></head>
<body lang=EN-GB style='tab-interval:36.0pt;word-wrap:break-word'><!--StartFragment-->
<h1><a name="_Toc1">Deposits, a year on</a><o:p></o:p></h1>
<p class=MsoNormal><b>Nine</b> of <i style='mso-bidi-font-style:normal'>31</i> homes were lost; see the
<a href="https://example.org/report">report</a> and <a href="#_Toc1">above</a>.<span style='mso-spacerun:yes'>&nbsp; </span><o:p></o:p></p>
<p class=MsoNormal><o:p>&nbsp;</o:p></p>
<h2>What we did<o:p></o:p></h2>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol;mso-bidi-font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;&nbsp;
</span></span></span><![endif]>Paid at the viewing<o:p></o:p></p>
<p class=MsoListParagraphCxSpMiddle style='margin-left:72.0pt;text-indent:-18.0pt;mso-list:l0 level2 lfo1'><![if !supportLists]><span
style='font-family:"Courier New"'><span style='mso-list:Ignore'>o<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span></span><![endif]>by
<span style='color:red'>card</span><o:p></o:p></p>
<p class=MsoListParagraphCxSpLast style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;</span></span></span><![endif]>Called
each landlord<o:p></o:p></p>
<p class=MsoListParagraph style='text-indent:-18.0pt;mso-list:l1 level1 lfo2'><![if !supportLists]><span style='mso-list:Ignore'>1.<span
style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;&nbsp; </span></span><![endif]>First week<o:p></o:p></p>
<p class=MsoListParagraph style='text-indent:-18.0pt;mso-list:l1 level1 lfo2'><![if !supportLists]><span style='mso-list:Ignore'>2.<span
style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;&nbsp; </span></span><![endif]>Second week<o:p></o:p></p>
<table class=MsoTableGrid border=1 cellspacing=0 cellpadding=0 style='border-collapse:collapse;border:none'>
 <tr style='mso-yfti-irow:0'><td width=200 valign=top style='width:150.3pt;border:solid windowtext 1.0pt'><p class=MsoNormal><b>Where<o:p></o:p></b></p></td>
 <td width=200 style='width:150.3pt'><p class=MsoNormal align=right style='text-align:right'><b>Homes<o:p></o:p></b></p></td></tr>
 <tr style='mso-yfti-irow:1'><td width=200><p class=MsoNormal>Hamilton<o:p></o:p></p></td>
 <td width=200><p class=MsoNormal>31<br>of 40<o:p></o:p></p></td></tr></table>
<p class=MsoNormal><span style='mso-no-proof:yes'><!--[if gte vml 1]><v:shape id="p1"><v:imagedata src="file:///C:/clip_image001.png"/></v:shape><![endif]--><![if !vml]><img
width=200 height=100 src="file:///C:/Users/a/AppData/clip_image002.png"><![endif]></span><o:p></o:p></p>
<!--EndFragment--></body></html>"""

WORD_AS_MARKDOWN = """## Deposits, a year on

**Nine** of *31* homes were lost; see the [report](https://example.org/report) and above.

### What we did

- Paid at the viewing
  - by card
- Called each landlord

1. First week
2. Second week

| Where | Homes |
| --- | --- |
| Hamilton | 31 of 40 |"""

GOOGLE_DOCS = """<meta charset='utf-8'><meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-9a1c5f0e-7fff-0c1e">
<h2 dir="ltr" style="line-height:1.38;margin-top:18pt;margin-bottom:6pt;"><span style="font-size:16pt;font-family:Arial,sans-serif;color:#000000;font-weight:400;font-style:normal;">What we heard</span></h2>
<p dir="ltr" style="line-height:1.38;margin-top:0pt;"><span style="font-size:11pt;font-weight:400;font-style:normal;white-space:pre-wrap;">Landlords </span><span style="font-size:11pt;font-weight:700;font-style:normal;white-space:pre-wrap;">answer</span><span style="font-size:11pt;font-weight:400;white-space:pre-wrap;"> on </span><span style="font-size:11pt;font-weight:400;font-style:italic;white-space:pre-wrap;">Thursdays</span><span style="font-weight:400;">, says </span><a href="https://www.google.com/url?q=https://example.org/calls&amp;sa=D&amp;source=docs" style="text-decoration:none;"><span style="font-size:11pt;color:#1155cc;font-weight:400;text-decoration:underline;white-space:pre-wrap;">our log</span></a><span style="font-weight:400;">.</span></p><br />
<ul style="margin-top:0;margin-bottom:0;padding-inline-start:48px;"><li dir="ltr" style="list-style-type:disc;font-weight:400;" aria-level="1"><p dir="ltr" style="line-height:1.38;" role="presentation"><span style="font-weight:400;white-space:pre-wrap;">Mornings</span></p></li><ul style="margin-top:0;"><li dir="ltr" style="list-style-type:circle;" aria-level="2"><p dir="ltr" role="presentation"><span style="font-weight:400;">before nine</span></p></li></ul><li dir="ltr" style="list-style-type:disc;" aria-level="1"><p dir="ltr" role="presentation"><span style="font-weight:400;text-decoration:line-through;">Evenings</span></p></li></ul>
<ol style="margin-top:0;"><li dir="ltr" aria-level="1"><p dir="ltr" role="presentation"><span style="font-weight:400;">Call</span></p></li><li dir="ltr" aria-level="1"><p dir="ltr" role="presentation"><span style="font-weight:400;">Call again</span></p></li></ol><br />
<div dir="ltr" style="margin-left:0pt;" align="left"><table style="border:none;border-collapse:collapse;"><colgroup><col width="301" /><col width="301" /></colgroup><tbody><tr style="height:0pt"><td style="border-left:solid #000000 1pt;"><p dir="ltr" style="line-height:1.2;"><span style="font-weight:700;">Day</span></p></td><td><p dir="ltr"><span style="font-weight:700;">Answers</span></p></td></tr><tr><td><p dir="ltr"><span style="font-weight:400;">Thursday</span></p></td><td><p dir="ltr"><span style="font-weight:400;">14 | 20</span></p></td></tr></tbody></table></div></b><br class="Apple-interchange-newline">"""

GOOGLE_DOCS_AS_MARKDOWN = """## What we heard

Landlords **answer** on *Thursdays*, says [our log](https://example.org/calls).

- Mornings
  - before nine
- ~~Evenings~~

1. Call
2. Call again

| Day | Answers |
| --- | --- |
| Thursday | 14 \\| 20 |"""

LIBREOFFICE = """<!DOCTYPE html><html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"/><title></title>
<meta name="generator" content="LibreOffice 7.4.7.2 (Linux)"/><style type="text/css">@page { size: 21cm 29.7cm } p { line-height: 115% }</style></head>
<body lang="en-GB" dir="ltr"><h1 class="western">Second viewing</h1><p style="line-height: 100%; margin-bottom: 0cm"><font face="Liberation Serif, serif"><font size="3" style="font-size: 12pt">We <b>asked</b> at the <u>second</u> viewing.</font></font></p>
<ul><li><p style="margin-bottom: 0cm">One</p></li><li><p style="margin-bottom: 0cm">Two</p><ol><li><p>deep</p></li></ol></li></ul>
<table width="100%" cellpadding="4" cellspacing="0"><col width="128*"/><thead><tr valign="top"><th width="50%"><p>Name</p></th><th width="50%"><p>Count</p></th></tr></thead>
<tbody><tr valign="top"><td colspan="2"><p>All of them</p></td></tr></tbody></table></body></html>"""

LIBREOFFICE_AS_MARKDOWN = """## Second viewing

We **asked** at the second viewing.

- One
- Two
  1. deep

| Name | Count |
| --- | --- |
| All of them |  |"""

OUTLOOK = """<html><head><style>p.MsoNormal{margin:0in}</style></head><body lang="EN-US" link="#0563C1"><div class="WordSection1">
<table border="0" cellpadding="0"><tbody><tr><td><p class="MsoNormal">Dear all,<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p>
<p class="MsoNormal">The <a href="https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.org%2Fminutes&amp;data=05"><span style="color:blue">minutes</span></a> are out.<o:p></o:p></p>
<p class="MsoListParagraph" style="margin-left:.5in;text-indent:-.25in;mso-list:l0 level1 lfo1"><span style="mso-list:Ignore">1)<span style="font:7.0pt &quot;Times New Roman&quot;">&nbsp;&nbsp;</span></span>Read them<o:p></o:p></p>
</td></tr></tbody></table><img width="1" height="1" src="https://track.example/p.gif"></div></body></html>"""

OUTLOOK_AS_MARKDOWN = """Dear all,

The [minutes](https://example.org/minutes) are out.

1. Read them"""

WEB_PAGE = """<meta charset='utf-8'><article class="post"><style>.x{}</style><h3 class="title" onclick="steal()">A <em>page</em></h3><script>alert(1)</script>
<p style="color: rgb(1,2,3)" id="x">First <a href="javascript:alert(1)">bad</a>, <a href="https://example.org/" target=_blank onclick="x()">good</a>.<br>Next line <code>x = 1</code></p>
<blockquote><p>Said</p></blockquote><pre><code class="language-py">a
  b</code></pre><ul class="contains-task-list"><li><input type="checkbox" checked disabled> done</li><li><input type="checkbox" disabled> open</li></ul>
<hr><img src="https://example.org/p.png" alt="A hall" onerror="alert(1)"><iframe src="https://example.org"></iframe></article>"""

WEB_PAGE_AS_MARKDOWN = """## A *page*

First bad, [good](https://example.org/).\\
Next line `x = 1`

> Said

```
a
  b
```

- [x] done
- [ ] open

---

![A hall](https://example.org/p.png)"""

PROGRAMS = {
    "Word": (WORD, WORD_AS_MARKDOWN),
    "Google Docs": (GOOGLE_DOCS, GOOGLE_DOCS_AS_MARKDOWN),
    "LibreOffice": (LIBREOFFICE, LIBREOFFICE_AS_MARKDOWN),
    "Outlook": (OUTLOOK, OUTLOOK_AS_MARKDOWN),
    "a web page": (WEB_PAGE, WEB_PAGE_AS_MARKDOWN),
}

# The same two footnotes, as each writes a mark and its note
NOTES = {
    "Word": """<p class=MsoNormal>Nine in ten<a style='mso-footnote-id:ftn1' href="#_ftn1" name="_ftnref1" title=""><span
class=MsoFootnoteReference>[1]</span></a> found nobody<a href="#_ftn2" name="_ftnref2">[2]</a>.</p>
<div style='mso-element:footnote-list'><br clear=all><hr align=left size=1 width="33%">
<div style='mso-element:footnote' id=ftn1><p class=MsoFootnoteText><a href="#_ftnref1" name="_ftn1"><span
class=MsoFootnoteReference>[1]</span></a> Of <b>41</b>.</p></div>
<div style='mso-element:footnote' id=ftn2><p class=MsoFootnoteText><a href="#_ftnref2" name="_ftn2">[2]</a>&nbsp;In March.</p></div>
</div>""",
    "LibreOffice": """<p>Nine in ten<sup><a class="sdfootnoteanc" name="sdfootnote1anc" href="#sdfootnote1sym"><sup>1</sup></a></sup>
found nobody<a class="sdfootnoteanc" name="sdfootnote2anc" href="#sdfootnote2sym"><sup>2</sup></a>.</p>
<div id="sdfootnote1"><p class="sdfootnote"><a class="sdfootnotesym" name="sdfootnote1sym" href="#sdfootnote1anc">1</a>Of
<b>41</b>.</p></div>
<div id="sdfootnote2"><p class="sdfootnote"><a class="sdfootnotesym" name="sdfootnote2sym" href="#sdfootnote2anc">2</a>In
March.</p></div>""",
    "a web page": """<p>Nine in ten<sup id="cite_ref-1"><a href="#cite_note-1">[1]</a></sup> found nobody<sup id="cite_ref-2"><a
href="#cite_note-2">[2]</a></sup>.</p>
<ol><li id="cite_note-1"><a href="#cite_ref-1">^</a> Of <b>41</b>.</li>
<li id="cite_note-2"><a href="#cite_ref-2">^</a> In March.</li></ol>""",
}
