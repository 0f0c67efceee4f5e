<%@ page contentType="text/html; charset=UTF-8" pageEncoding="UTF-8" %>
<!DOCTYPE html>
<html lang="zh-CN">
<head>
  <meta charset="UTF-8">
  <title>问好</title>
</head>
<body>
  <h1><%= ((String) request.getAttribute("greeting")).replace("&", "&amp;").replace("<", "&lt;") %></h1>
  <p><a href="./">返回</a></p>
</body>
</html>
