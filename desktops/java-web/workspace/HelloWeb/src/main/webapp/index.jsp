<%@ page contentType="text/html; charset=UTF-8" pageEncoding="UTF-8" %>
<!DOCTYPE html>
<html lang="zh-CN">
<head>
  <meta charset="UTF-8">
  <title>你好，Java Web</title>
</head>
<body>
  <h1>你好，世界</h1>
  <p>这个页面由 Tomcat 上的 JSP 生成，时间：<%= java.time.LocalDateTime.now().withNano(0) %></p>
  <form action="greet">
    <label>姓名：<input name="name" autofocus></label>
    <button>问好</button>
  </form>
</body>
</html>
